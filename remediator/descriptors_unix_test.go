//go:build unix

package remediator_test

import "syscall"

// raiseDescriptors raises the limit on open files as far as it goes and returns it.
func raiseDescriptors() (limit uint64, err error) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return 0, err
	}
	files.Cur = files.Max
	err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files)
	return uint64(files.Cur), err
}
