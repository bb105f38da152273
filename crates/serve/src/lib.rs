//! Scores as a live view.
