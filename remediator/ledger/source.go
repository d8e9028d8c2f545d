package ledger

import "context"

// Source is a stored ledger as it lies in its tables, read in one transaction
// so that it does not change meanwhile. It trusts nothing: a row is returned
// with every column as stored, however odd.
//
// A row whose column holds no value, or one of another type, is returned with
// Fault saying which column holds what.
type Source interface {
	// Entries returns up to limit rows with a sequence above after, in order
	// of sequence; fewer only when there are no more.
	Entries(ctx context.Context, after int64, limit int) ([]Row, error)
	// Cords returns up to limit rows with a sequence above after and below before that
	// say what happened to a cord (decide.CordKinds), in order of sequence: they are few
	// and far between.
	Cords(ctx context.Context, after, before int64, limit int) ([]Row, error)
	// Tiles returns up to limit rows above (level, index), in order of level
	// and index; fewer only when there are no more.
	Tiles(ctx context.Context, level, index int64, limit int) ([]TileRow, error)
	// Checkpoints returns the rows of the checkpoint table, up to ten.
	Checkpoints(ctx context.Context) ([]CheckpointRow, error)
	// Applied returns the rows of the applied table, up to ten.
	Applied(ctx context.Context) ([]AppliedRow, error)
}

// Row is one row of the ledger's table: the fields of an Entry in columns, and
// its leaf. Nothing else belongs into that table, because nothing else would be
// sealed.
type Row struct {
	Seq     int64
	Kind    string
	At      int64
	Ordinal int64
	Version int64
	Remedy  string // in text form; empty for none
	Action  string // in text form; empty for none
	Rule    string
	Body    []byte
	Leaf    []byte
	Fault   string
}

// TileRow is one row of the tiles' table.
type TileRow struct {
	Level  int64
	Index  int64
	Width  int64
	Hashes []byte
	Fault  string
}

// CheckpointRow is the one row of the checkpoint's table. Size and Root repeat
// what the signed note says.
type CheckpointRow struct {
	Size  int64
	Root  []byte
	Note  []byte
	Fault string
}

// AppliedRow is the one row that says how far the log was folded: the fields of
// Applied in columns, and their signed note.
type AppliedRow struct {
	LogID   string
	Record  int64
	Ordinal int64
	At      int64
	Digest  []byte
	Version int64
	Size    int64
	Note    []byte
	Fault   string
}
