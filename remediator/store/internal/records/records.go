// Package records reads records of the log out of the rows of a query, for the logs in
// SQLite and in PostgreSQL alike.
package records

import (
	"database/sql"
	"fmt"

	"github.com/makegood/makegood/remediator/log"
)

// Scan reads rows of sequence, time and bytes to their end and closes them.
func Scan(rows *sql.Rows) ([]log.Record, error) {
	defer rows.Close()
	var records []log.Record
	for rows.Next() {
		var r log.Record
		if err := rows.Scan(&r.Seq, &r.At, &r.Blob); err != nil {
			return nil, fmt.Errorf("read record: %w", err)
		}
		records = append(records, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	return records, nil
}
