package statement

import (
	"database/sql"
	"fmt"
)

// copiedAtOnce is how many rows are held while rows are copied.
const copiedAtOnce = 256

// Copy inserts the rows of a query, which it closes. The text of the insertion ends
// before VALUES and names as many columns as the query has. The rows come from another
// database than the transaction's.
func (t *Tx) Copy(from *sql.Rows, text string) (count int, err error) {
	defer from.Close()
	names, err := from.Columns()
	if err != nil {
		return 0, fmt.Errorf("copy rows: %w", err)
	}
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	var held []any
	for from.Next() {
		if err := from.Scan(into...); err != nil {
			return count, fmt.Errorf("copy rows: %w", err)
		}
		count++
		if held = append(held, values...); len(held) < copiedAtOnce*len(names) {
			continue
		}
		if err := t.Insert(text, "", len(names), held); err != nil {
			return count, fmt.Errorf("copy rows: %w", err)
		}
		held = held[:0]
	}
	if err := from.Err(); err != nil {
		return count, fmt.Errorf("copy rows: %w", err)
	}
	if err := t.Insert(text, "", len(names), held); err != nil {
		return count, fmt.Errorf("copy rows: %w", err)
	}
	return count, nil
}
