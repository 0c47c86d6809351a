from django import forms


class ModelForm(forms.Form):
    """A model that is added to a provider; what the gateway refuses of it is shown at its fields."""

    model_id = forms.CharField(max_length=200)
    context_window = forms.IntegerField(min_value=1, required=False, help_text="tokens")


class AskForm(forms.Form):
    model = forms.CharField(max_length=200, initial="echo", help_text="a route, or provider/model")
    question = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}))


class SummaryForm(forms.Form):
    model = forms.CharField(max_length=200, initial="echo", help_text="a route, or provider/model")
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 8}))
