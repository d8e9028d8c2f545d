//go:build !linux

package main

import "testing"

// readOnly makes the folder one that nobody writes.
func readOnly(t *testing.T, dir string) func() { return withoutRight(t, dir) }

func smallDisk(t *testing.T, _ string) string {
	t.Skip("a disk is mounted on Linux alone")
	return ""
}

func unwritable(t *testing.T, _ ...string) func() {
	t.Skip("a file is made immutable on Linux alone")
	return nil
}

type disk struct{ dir string }

func brittleDisk(t *testing.T) *disk {
	t.Skip("a disk is mounted on Linux alone")
	return nil
}

func (*disk) fail() {}
func (*disk) mend() {}
