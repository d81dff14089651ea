"""The links endpoint, written as a Django REST framework user would write it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Random
from oauth2_provider.contrib.rest_framework import (
    IsAuthenticatedOrTokenHasScope,
    OAuth2Authentication,
    TokenHasScope,
)
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.generics import ListAPIView
from rest_framework.pagination import BasePagination, CursorPagination, LimitOffsetPagination, PageNumberPagination
from rest_framework.serializers import ModelSerializer
from rest_framework.throttling import UserRateThrottle
from server.models import Link, Sensor
from server.options import Options

OPTIONS: Options = settings.OPTIONS

AUTHENTICATION = {"oauth": OAuth2Authentication, "token": TokenAuthentication, "session": SessionAuthentication}
PERMISSION = {"scope or key": IsAuthenticatedOrTokenHasScope, "scope": TokenHasScope}


class SensorSerializer(ModelSerializer[Sensor]):
    class Meta:  # noqa: D106 - part of the serializer
        model = Sensor
        fields = ("id", "name", "latitude", "longitude")


class LinkSerializer(ModelSerializer[Link]):
    origin = SensorSerializer()
    destination = SensorSerializer()

    class Meta:  # noqa: D106 - part of the serializer
        model = Link
        fields = (
            "id", "name", "status", "data_source", "grid", "origin", "destination", "distance", "free_flow_speed",
            "last_speed", "last_travel_time", "sample_size", "last_updated", "geometry",
        )  # fmt: skip


class ByPage(PageNumberPagination):
    page_size = OPTIONS.page_size
    page_size_query_param = "page_size"
    max_page_size = OPTIONS.max_page_size


class ByOffset(LimitOffsetPagination):
    default_limit = OPTIONS.page_size
    max_limit = OPTIONS.max_page_size


class ByCursor(CursorPagination):
    page_size = OPTIONS.page_size
    page_size_query_param = "page_size"
    max_page_size = OPTIONS.max_page_size
    ordering = "id"


PAGINATION: dict[str, type[BasePagination] | None] = {
    "page": ByPage,
    "limit-offset": ByOffset,
    "cursor": ByCursor,
    "none": None,
}


class Throttle(UserRateThrottle):
    rate = OPTIONS.throttle


def _authentication_classes() -> list[Any]:
    first = AUTHENTICATION[OPTIONS.first_authentication]
    return [first, *(one for one in AUTHENTICATION.values() if one is not first)]


class Links(ListAPIView[Link]):
    serializer_class = LinkSerializer
    authentication_classes = _authentication_classes()
    permission_classes = (PERMISSION[OPTIONS.permission],)
    required_scopes = (OPTIONS.required_scope,)
    pagination_class = PAGINATION[OPTIONS.pagination]
    throttle_classes = (Throttle,) if OPTIONS.throttle else ()

    def get_queryset(self) -> QuerySet[Link]:
        links = Link.objects.select_related("origin", "destination")
        return links.order_by("grid", Random()) if OPTIONS.order == "ties" else links.order_by("id")
