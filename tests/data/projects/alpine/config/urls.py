from django.http import HttpResponse
from django.urls import path
from weasyprint import HTML


def draw(request):
    return HttpResponse(HTML(string="<h1>weasyprint answers</h1>").write_pdf(), content_type="application/pdf")


urlpatterns = [path("", draw)]
