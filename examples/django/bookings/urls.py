from django.urls import path

from bookings import views

urlpatterns = [
    path("", views.appointments, name="appointments"),
    path("login/", views.phone, name="login"),
    path("login/code/", views.code, name="code"),
    path("<int:pk>/move/", views.move, name="move"),
    path("<int:pk>/cancel/", views.cancel, name="cancel"),
]
