"""What languages share: `forms` prints expressions, `language` walks over a module; `arrays`, `scalars`, `python`."""
