from django.db import connection
from django.http import HttpResponse
from django.urls import path


def ask(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 40 + 2")
        return HttpResponse(f"mysqlclient answers {cursor.fetchone()[0]}")


urlpatterns = [path("", ask)]
