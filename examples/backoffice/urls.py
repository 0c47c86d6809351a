from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from backoffice import views

urlpatterns = [
    path("", views.providers, name="providers"),
    path("providers/<provider_id>/models", views.add_model, name="add-model"),
    path("providers/<provider_id>/enabled", views.set_enabled, name="set-enabled"),
    path("ask", views.ask, name="ask"),
    path("ask/answer", views.answer, name="answer"),
    path("summaries", views.summaries, name="summaries"),
    path("login", LoginView.as_view(template_name="backoffice/login.html"), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
]
