from django.db import models


class Summary(models.Model):
    """`text` is the summary, or why there is none. The text that was summed up is not kept."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"

    user = models.CharField(max_length=150)
    model = models.CharField(max_length=200)
    title = models.CharField(max_length=80)
    task_id = models.CharField(max_length=100, unique=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    text = models.TextField(blank=True)
    cost_usd = models.FloatField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
