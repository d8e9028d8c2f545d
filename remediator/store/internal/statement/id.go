package statement

import "github.com/google/uuid"

// ID is how an id stands in a table: as text, empty for none.
func ID(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

// ParseID reverses ID.
func ParseID(text string) (uuid.UUID, error) {
	if text == "" {
		return uuid.Nil, nil
	}
	return uuid.Parse(text)
}
