"""A sector of colleges that compete for staff and learners, and mechanisms they could share."""
