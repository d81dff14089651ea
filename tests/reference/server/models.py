"""Sensors and the links between them, as a travel-time service would keep them."""

from __future__ import annotations

from django.db import models


class Sensor(models.Model):
    """A place at which vehicles are seen."""

    name = models.CharField(max_length=100)
    latitude = models.FloatField()
    longitude = models.FloatField()


class Link(models.Model):
    """A stretch of road with what was last measured on it; no sensors stand at the ends of a crowdsourced one."""

    name = models.CharField(max_length=200)
    status = models.CharField(max_length=40)
    data_source = models.CharField(max_length=40)
    grid = models.CharField(max_length=40)
    origin = models.ForeignKey(Sensor, models.PROTECT, related_name="+", null=True)
    destination = models.ForeignKey(Sensor, models.PROTECT, related_name="+", null=True)
    distance = models.FloatField()
    free_flow_speed = models.FloatField()
    last_speed = models.FloatField(null=True)
    last_travel_time = models.FloatField(null=True)
    sample_size = models.IntegerField(null=True)
    last_updated = models.DateTimeField(null=True)
    geometry = models.JSONField()
