"""Everything gitorch knows about git: starting it, finding repositories, objects, locks."""
