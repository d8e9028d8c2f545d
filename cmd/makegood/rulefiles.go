package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/makegood/makegood/remediator/rehearse"
	"github.com/makegood/makegood/remediator/rule"
	"github.com/makegood/makegood/remediator/rule/document"
)

// readPaths reads files and folders, under the names by which they were given,
// so that errors can be clicked on. Of a rule file its tests and their events are
// read too.
func readPaths(paths []string) ([]rule.File, error) {
	files, err := readEach(paths, isRuleFolderFile, besides)
	if err != nil {
		return nil, err
	}
	if rules, _ := rehearse.Split(files); len(rules) == 0 {
		return nil, noRuleFile(paths)
	}
	return files, nil
}

// stdinName is how a file on standard input is named in messages.
const stdinName = "stdin.yaml"

// readGiven is readPaths that reads one rule file from standard input when it is asked for
// by -, as editors do for what is not saved yet. Tests are not beside it.
func (p *program) readGiven(paths []string) ([]rule.File, error) {
	if !fromStdin(paths) {
		return readPaths(paths)
	}
	file, err := p.readStdin()
	return []rule.File{file}, err
}

func fromStdin(paths []string) bool { return slices.Equal(paths, []string{"-"}) }

// readStdin reads a byte too many of what is too large, as readBounded does.
func (p *program) readStdin() (rule.File, error) {
	text, err := io.ReadAll(io.LimitReader(&interruptible{ctx: p.ctx, in: p.stdin}, maxRuleFile+1))
	if err != nil {
		return rule.File{}, fmt.Errorf("read rules from standard input: %w", err)
	}
	return rule.File{Path: stdinName, Text: string(text)}, nil
}

func noRuleFile(paths []string) error {
	return fmt.Errorf("read rules: %s holds no rule file (*.yaml)", strings.Join(paths, ", "))
}

// readEach reads of each folder the files that are wanted of it, and of each file those
// that are wanted of its folder for the sake of its name. A test may name an event in
// another of the folders, so events are read once all are listed.
func readEach(paths []string, ofFolder func(name string) bool, ofFile func(base string) func(name string) bool) ([]rule.File, error) {
	var files []rule.File
	for _, name := range paths {
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		dir, wanted := name, ofFolder
		if !info.IsDir() {
			dir, wanted = filepath.Dir(name), ofFile(filepath.Base(name))
		}
		more, err := listFiles(os.DirFS(dir), dir, wanted)
		if err != nil {
			return nil, fmt.Errorf("read rules: %w", err)
		}
		for _, f := range below(dir, more) {
			if !slices.ContainsFunc(files, func(other rule.File) bool { return other.Path == f.Path }) {
				files = append(files, f)
			}
		}
	}
	err := readNamed(files, func(name string) (string, error) {
		dir, base := filepath.Split(filepath.FromSlash(name))
		return readEvent(os.DirFS(cmp.Or(dir, ".")), dir, base)
	})
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return files, nil
}

// below returns the files of a folder under the name by which that was given.
func below(dir string, files []rule.File) []rule.File {
	all := slices.Clone(files)
	for i := range all {
		all[i].Path = path.Join(filepath.ToSlash(dir), all[i].Path)
	}
	return all
}

// isRuleFolderFile reports whether a file belongs to rules: a rule file, a file
// of tests, or an event that tests name.
func isRuleFolderFile(name string) bool {
	return isYAMLFile(name) || isEventFile(name)
}

func isEventFile(name string) bool { return path.Ext(name) == ".json" }

func isYAMLFile(name string) bool { return slices.Contains([]string{".yaml", ".yml"}, path.Ext(name)) }

// besides wants a rule file, the tests beside it, and the events of these.
func besides(base string) func(string) bool {
	stem := strings.TrimSuffix(strings.TrimSuffix(base, path.Ext(base)), "_test")
	return func(name string) bool {
		own := strings.TrimSuffix(strings.TrimSuffix(name, path.Ext(name)), "_test")
		return isRuleFolderFile(name) && (own == stem || isEventFile(name))
	}
}

// readRules reads the rule files of a folder and the folders in it, by their
// paths below it. It leaves events alone, for a service looks every second, and what
// tests name is found by parsing them.
func readRules(dir string) ([]rule.File, error) {
	rules, _, err := readWanted(dir, isYAMLFile)
	return rules, err
}

// readFolder is readRules, with the tests beside the rules and their events.
func readFolder(dir string) (rules, tests []rule.File, err error) {
	return readWanted(dir, isRuleFolderFile)
}

func readWanted(dir string, wanted func(name string) bool) (rules, tests []rule.File, err error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, nil, fmt.Errorf("read rules: %w", err)
	} else if !info.IsDir() {
		return nil, nil, fmt.Errorf("read rules: %s is no folder", dir)
	}
	files, err := readFilesFrom(os.DirFS(dir), dir, wanted)
	rules, tests = rehearse.Split(files)
	if err == nil && len(rules) == 0 {
		err = fmt.Errorf("read rules: %s holds no rule file (*.yaml)", dir)
	}
	return rules, tests, err
}

// readFilesFrom reads the files of a file system that are wanted, in order of path, and
// then the events. An error names a file with the folder that the file system is.
func readFilesFrom(root fs.FS, dir string, wanted func(name string) bool) ([]rule.File, error) {
	files, err := listFiles(root, dir, wanted)
	if err == nil {
		err = readNamed(files, func(name string) (string, error) { return readEvent(root, dir, name) })
	}
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return files, nil
}

// listFiles reads the YAML files that are wanted, and lists the events without their texts.
func listFiles(root fs.FS, dir string, wanted func(name string) bool) ([]rule.File, error) {
	var files, events []rule.File
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return inFolder(dir, err)
		case name != "." && strings.HasPrefix(entry.Name(), "."): // of another program, as what an editor keeps beside the file it edits
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir() || !wanted(name):
			return nil
		case isEventFile(name):
			events = append(events, rule.File{Path: name})
			return nil
		}
		text, err := readBounded(root, dir, name)
		files = append(files, rule.File{Path: name, Text: text})
		return err
	})
	return append(files, events...), err
}

// readNamed reads the events that tests among files name. Of JSON only these are ours: other
// files stay listed without their texts, so that a misspelt name finds the one that was meant.
func readNamed(files []rule.File, read func(name string) (string, error)) (err error) {
	if !slices.ContainsFunc(files, func(f rule.File) bool { return isEventFile(f.Path) }) {
		return nil
	}
	named := rehearse.Named(files)
	for i := range files {
		f := &files[i]
		if !isEventFile(f.Path) || !named[f.Path] {
			continue
		}
		if f.Text, err = read(f.Path); err != nil {
			return err
		}
	}
	return nil
}

func readEvent(root fs.FS, dir, name string) (string, error) {
	text, err := readBounded(root, dir, name)
	if len(text) > maxRuleFile {
		return "", fmt.Errorf("%s, which a test names, is larger than %d bytes, which no event is", filepath.Join(dir, name), maxRuleFile)
	}
	return text, err
}

// inFolder names a file with the folder that the file system is.
func inFolder(dir string, err error) error {
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
		failed.Path = filepath.Join(dir, failed.Path)
	}
	return err
}

// maxRuleFile keeps a wrong folder from being read into memory.
const maxRuleFile = document.MaxBytes

// readBounded reads a byte too many of a file that is too large: who parses it says so,
// beside what is wrong with others.
func readBounded(root fs.FS, dir, name string) (string, error) {
	// A pipe would be waited for.
	if info, err := fs.Stat(root, name); err != nil || !info.Mode().IsRegular() {
		return "", cmp.Or(inFolder(dir, err), fmt.Errorf("%s is no file", filepath.Join(dir, name)))
	}
	f, err := root.Open(name)
	if err != nil {
		return "", inFolder(dir, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRuleFile+1))
	return string(text), inFolder(dir, err)
}

// replaceFile writes a file whole or not at all, with the mode that it had. A link stays
// one: the file that it leads to is written.
func replaceFile(name, text string) error {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return fmt.Errorf("write rules: %w", err)
	}
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("write rules: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".makegood-fmt-*")
	if err != nil {
		return fmt.Errorf("write rules: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(info.Mode()), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write rules: %w", err)
	}
	return nil
}
