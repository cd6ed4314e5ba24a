"""One file for each language, on what all of them share: `forms` (printers), `base`, `scalars`, `python`, `arrays`."""
