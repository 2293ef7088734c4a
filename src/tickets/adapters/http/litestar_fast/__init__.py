"""Where the framework is bypassed for speed; `README.md` says what each bypass bought."""
