"""What people look at: thin Textual shells around `memtui.view`. Only this package imports Textual."""
