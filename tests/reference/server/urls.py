"""Where things are: the two addresses of iNode that the pipeline uses."""

from __future__ import annotations

from django.urls import path
from oauth2_provider.views import TokenView
from server.wire import Links

urlpatterns = [
    path("api/oauth/token/", TokenView.as_view()),
    path("api/v1/links/", Links.as_view()),
]
