from django.http import HttpResponse
from django.urls import path

from config.celery import add


def calculate(request):
    return HttpResponse(str(add.delay(20, 22).get(timeout=20)))


urlpatterns = [path("", lambda request: HttpResponse("celery-redis answers")), path("task", calculate)]
