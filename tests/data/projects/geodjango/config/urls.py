from django.contrib.gis.gdal import SpatialReference
from django.contrib.gis.geos import Point
from django.db import connection
from django.http import HttpResponse
from django.urls import path


def measure(request):
    point = Point(13.4, 52.5, srid=4326).transform(SpatialReference("EPSG:3857"), clone=True)
    return HttpResponse(f"geodjango answers {point.srid} {round(point.x)}")


def ask(request):
    return HttpResponse(f"PostGIS {connection.ops.postgis_version()}")


urlpatterns = [path("", measure), path("database", ask)]
