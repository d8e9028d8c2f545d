package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/makegood/makegood/remediator/decide"
)

type editCOE struct {
	oneCOE
	Editor string `env:"VISUAL,EDITOR" default:"vi" help:"Program to edit with; it is given the file."`
}

// Run has the newest text edited, and takes it as the next revision when it changed.
func (c *editCOE) Run(p *program) error {
	answer, err := c.read(p, 0)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "coe-")
	if err != nil {
		return fmt.Errorf("edit COE: %w", err)
	}
	name := filepath.Join(folder, "coe.md")
	if err := writeNew(name, []byte(answer.Document.Text)); err != nil {
		return err
	}
	editor := exec.CommandContext(p.ctx, "sh", "-c", c.Editor+` "$1"`, "edit", name)
	editor.Stdin, editor.Stdout, editor.Stderr = p.stdin, p.stdout, p.stderr
	if err := editor.Run(); err != nil {
		return fmt.Errorf("edit COE: %s: %w; your text is in %s", c.Editor, err, name)
	}
	text, err := readCOE(name)
	if err != nil {
		return err
	}
	if text == answer.Document.Text {
		_, err = fmt.Fprintln(p.stdout, "nothing changed")
		return errors.Join(err, os.RemoveAll(folder))
	}
	path, err := c.path()
	if err != nil {
		return err
	}
	err = c.tell(p, path+"/revisions", map[string]any{"text": text, "revision": answer.Document.Revision},
		func(a decide.Answer) string { return "written, SHA-256 " + a.Digest })
	if err != nil {
		return fmt.Errorf("%w; your text is in %s", err, name)
	}
	return os.RemoveAll(folder)
}
