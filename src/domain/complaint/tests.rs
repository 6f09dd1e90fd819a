//! Rules of complaints, by their ids.
