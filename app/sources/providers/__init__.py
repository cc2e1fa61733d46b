"""One module per provider, each with its `PROVIDER`.

Providers do not import each other, and other rooms do not import them: `app.sources.PROVIDERS` holds them all.
"""
