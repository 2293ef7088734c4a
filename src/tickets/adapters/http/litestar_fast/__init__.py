"""Every place where the framework is bypassed; the README beside it says what each bought."""
