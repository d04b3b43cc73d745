"""The exam trainer: question bank, drill, mock exam, review, exports. Knows no question by name."""
