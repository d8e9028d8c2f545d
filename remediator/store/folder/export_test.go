package folder

import "os"

// File returns the file that is locked.
func (l *Lock) File() *os.File { return l.file }
