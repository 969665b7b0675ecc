"""The pages that the bench asks for, and those that any such project has."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from heavy.smoke import smoke

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/schema/", SpectacularAPIView.as_view()),
    path("smoke", smoke),
]
