"""What a person sees of pages, in Debian's Chromium: `make browser`."""
