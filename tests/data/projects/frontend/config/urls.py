from django.contrib.staticfiles import finders
from django.http import HttpResponse
from django.urls import path


def read(request):
    with open(finders.find("bundle.js"), encoding="utf-8") as file:
        return HttpResponse(f"frontend answers {file.read()}")


urlpatterns = [path("", read)]
