"""Does it help to grow where units have few weights? A whole question for dst-bench in a package of its own."""
