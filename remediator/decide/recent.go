package decide

// recent remembers keys for a time of the log, so that repeats can be dropped.
// It is bounded: over maxRecent keys the oldest go first, and are counted; those of
// events are until the next progress.
type recent struct {
	order []recentKey
	seen  map[[16]byte]struct{}
	room  int // for keys
	lost  uint64
	// through is when the newest key was added that went for want of room; 0: none did.
	through int64
}

type recentKey struct {
	Key [16]byte `cbor:"1,keyasint"`
	At  int64    `cbor:"2,keyasint"`
}

// maxRecent bounds the keys of one kind. At 24 bytes each in a snapshot it holds
// a week of seven inputs a second, or an hour of a thousand.
const maxRecent = 4 << 20

func newRecent(order []recentKey, lost uint64, through int64) *recent {
	r := &recent{order: order, seen: make(map[[16]byte]struct{}, len(order)), room: maxRecent, lost: lost, through: through}
	for _, k := range order {
		r.seen[k.Key] = struct{}{}
	}
	return r
}

func (r *recent) has(key [16]byte) bool {
	_, ok := r.seen[key]
	return ok
}

func (r *recent) add(key [16]byte, at int64) {
	if r.has(key) {
		return
	}
	if len(r.order) >= r.room {
		r.through = r.order[0].At
		r.drop(1)
		r.lost++
	}
	r.seen[key] = struct{}{}
	r.order = append(r.order, recentKey{key, at})
}

// forget drops the keys that were added at or before a time.
func (r *recent) forget(through int64) {
	n := 0
	for n < len(r.order) && r.order[n].At <= through {
		n++
	}
	r.drop(n)
}

func (r *recent) drop(n int) {
	for _, k := range r.order[:n] {
		delete(r.seen, k.Key)
	}
	r.order = r.order[n:]
}
