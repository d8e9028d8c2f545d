package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/api"
	"github.com/makegood/makegood/remediator/coe"
	"github.com/makegood/makegood/remediator/decide"
)

type coesCommands struct {
	List    listCOEs   `cmd:"" help:"List COEs, the one opened last first."`
	Show    showCOE    `cmd:"" help:"Print the text of a COE, or its draft."`
	New     newCOE     `cmd:"" help:"Open a COE with a draft of what the ledger says about a remedy, a cord or a rule."`
	Edit    editCOE    `cmd:"" help:"Write the next revision in your editor."`
	Import  importCOE  `cmd:"" help:"Take a file as the next revision."`
	Export  exportCOE  `cmd:"" help:"Write the text of a COE to a file."`
	Diff    diffCOE    `cmd:"" help:"Compare two revisions."`
	Check   checkCOE   `cmd:"" help:"Ask every query of a text again, and say what keeps it from being published."`
	Review  reviewCOE  `cmd:"" help:"Have a draft wait for another person."`
	Publish publishCOE `cmd:"" help:"Publish what another person wrote."`
	Close   closeCOE   `cmd:"" help:"Close one that was effective, or that was no error."`
	Bundle  bundleCOE  `cmd:"" help:"Pack a COE with the facts behind it and their proofs."`
}

type listCOEs struct {
	service
	Status string `enum:"draft,review,published,effective,closed,all" default:"all" help:"draft, review, published, effective, closed or all."`
	About  string `help:"Only about this cord or rule."`
	Limit  int    `default:"100" help:"At most this many, up to 1000."`
}

// Run lists COEs.
func (c *listCOEs) Run(p *program) error {
	status := c.Status
	if status == "all" {
		status = ""
	}
	query := narrowed(c.Limit, map[string]string{"status": status, "about": c.About})
	return show(p, c.service, "/v1/coes", query, func(answer api.COEs) error {
		rows := [][]string{}
		for _, e := range answer.COEs {
			rows = append(rows, []string{e.COE.String(), e.Status, e.Cord + e.Rule, e.Cause, strconv.Itoa(e.Times), strconv.Itoa(e.Revision), e.Changed.Format(time.RFC3339)})
		}
		return printTable(p.stdout, []string{"COE", "STATUS", "ABOUT", "CAUSE", "TIMES", "REVISION", "CHANGED"}, rows)
	})
}

// oneCOE names a COE.
type oneCOE struct {
	service
	COE string `arg:"" name:"coe" help:"Id of the COE, as coes list shows it."`
}

// path is where the API has it.
func (c oneCOE) path() (string, error) {
	if _, err := uuid.Parse(c.COE); err != nil {
		return "", usageError(fmt.Sprintf("%q is no id of a COE: take one from makegood coes list", c.COE))
	}
	return "/v1/coes/" + c.COE, nil
}

// read reads a revision; 0 is the newest.
func (c oneCOE) read(p *program, revision int) (*api.COE, error) {
	path, err := c.path()
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	if revision > 0 {
		query.Set("revision", strconv.Itoa(revision))
	}
	var answer api.COE
	return &answer, c.get(p.ctx, path, query, &answer)
}

// order tells the service about the newest revision, or about the one that is named.
func (c oneCOE) order(p *program, command string, revision *int, body map[string]any, said func(decide.Answer) string) error {
	path, err := c.path()
	if err != nil {
		return err
	}
	if revision == nil { // 0 is one too: the draft that nobody has written on
		answer, err := c.read(p, 0)
		if err != nil {
			return err
		}
		revision = &answer.Document.Revision
	}
	body["revision"] = revision
	return c.tell(p, path+"/"+command, body, said)
}

type showCOE struct {
	oneCOE
	Revision int `help:"A revision; the newest, or the draft, unless given."`
}

// Run prints a COE.
func (c *showCOE) Run(p *program) error {
	answer, err := c.read(p, c.Revision)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		return printJSON(p.stdout, answer)
	}
	_, err = io.WriteString(p.stdout, plainLines(answer.Document.Text))
	return err
}

type newCOE struct {
	service
	From  string `required:"" help:"Id of a remedy, cord:PATH or rule:NAME; a path with a / is a cord, another name a rule."`
	Since string `help:"Beginning of the period: 2026-11-01, 2026-11-01T12:00:00Z, or 1d for as long before its end. Defaults to a day."`
	Until string `help:"Its end, which is not in it. Defaults to now."`
	Title string `help:"Its title."`
}

// Run opens a COE.
func (c *newCOE) Run(p *program) error {
	now := time.Now().UTC()
	body := map[string]any{"title": c.Title}
	until := now
	var err error
	if c.Until != "" {
		if until, err = moment("--until", c.Until, now); err != nil {
			return err
		}
		body["until"] = until
	}
	if c.Since != "" {
		since, err := moment("--since", c.Since, until)
		if err != nil {
			return err
		}
		body["since"] = since
	}
	if kind, name, ok := strings.Cut(c.From, ":"); ok && (kind == "cord" || kind == "rule") {
		body[kind] = name
	} else if _, err := uuid.Parse(c.From); err == nil {
		body["remedy"] = c.From
	} else if strings.Contains(c.From, "/") {
		body["cord"] = c.From
	} else {
		body["rule"] = c.From
	}
	return c.tell(p, "/v1/coes", body, func(a decide.Answer) string { return fmt.Sprintf("COE %s is open", a.COE) })
}

type exportCOE struct {
	oneCOE
	File     string `arg:"" type:"path" help:"File to write; one that exists is kept."`
	Revision int    `help:"A revision; the newest, or the draft, unless given."`
}

// Run exports.
func (c *exportCOE) Run(p *program) error {
	answer, err := c.read(p, c.Revision)
	if err != nil {
		return err
	}
	if err := writeNew(c.File, []byte(answer.Document.Text)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "revision %d; take the file back with: makegood coes import %s FILE --revision %[1]d\n", answer.Document.Revision, c.COE)
	return err
}

// writeNew writes a file that is not there yet.
func writeNew(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if _, err := f.Write(content); err != nil {
		f.Close()
		return fmt.Errorf("write file: %w", err)
	}
	return f.Close()
}

type importCOE struct {
	oneCOE
	File     string `arg:"" type:"existingfile" help:"File with the text."`
	Revision *int   `help:"The revision that it was written from; the newest unless given."`
	Reason   string `help:"What changed; it is kept, encrypted, beside the revision."`
}

// Run takes a file as the next revision.
func (c *importCOE) Run(p *program) error {
	text, err := readCOE(c.File)
	if err != nil {
		return err
	}
	return c.order(p, "revisions", c.Revision, map[string]any{"text": text, "reason": c.Reason},
		func(a decide.Answer) string { return "written, SHA-256 " + a.Digest })
}

// readCOE reads a file of a text.
func readCOE(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("read COE: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, decide.MaxCOEText+1))
	if err != nil {
		return "", fmt.Errorf("read COE: %w", err)
	}
	if len(text) > decide.MaxCOEText {
		return "", fmt.Errorf("read COE: %s has more than %d bytes", name, decide.MaxCOEText)
	}
	return string(text), nil
}

type diffCOE struct {
	oneCOE
	From int `help:"The older revision; the one before the newer unless given."`
	To   int `help:"The newer revision; the newest unless given."`
}

// Run compares revisions.
func (c *diffCOE) Run(p *program) error {
	path, err := c.path()
	if err != nil {
		return err
	}
	query := url.Values{}
	for name, n := range map[string]int{"from": c.From, "to": c.To} {
		if n > 0 {
			query.Set(name, strconv.Itoa(n))
		}
	}
	return show(p, c.service, path+"/diff", query, func(answer api.COEDiff) error {
		_, err := io.WriteString(p.stdout, plainLines(answer.Diff))
		return err
	})
}

type checkCOE struct {
	service
	Of string `arg:"" name:"file|coe" help:"File with a text, or id of a COE."`
}

// Run checks a text. It exits with 1 when something keeps it from being published.
func (c *checkCOE) Run(p *program) error {
	name := c.Of
	text, err := "", error(nil)
	if _, notID := uuid.Parse(c.Of); notID == nil {
		var answer *api.COE
		if answer, err = (oneCOE{c.service, c.Of}).read(p, 0); err == nil {
			text = answer.Document.Text
		}
	} else {
		text, err = readCOE(c.Of)
	}
	if err != nil {
		return err
	}
	var answer api.COECheck
	if err := c.lookAt(p.ctx, "/v1/coes/check", map[string]string{"text": text}, &answer); err != nil {
		return err
	}
	if c.Output == "json" {
		err = printJSON(p.stdout, answer)
	} else {
		err = printFindings(p.stdout, name, answer)
	}
	if err == nil && answer.Blocked {
		return errChecked
	}
	return err
}

func printFindings(w io.Writer, name string, answer api.COECheck) error {
	blocking := 0
	for _, f := range answer.Findings {
		if f.Block {
			blocking++
		}
		if _, err := fmt.Fprintln(w, plain(name+":"+f.String())); err != nil {
			return err
		}
	}
	verdict := "it can be published"
	if coe.Blocked(answer.Findings) {
		verdict = "it cannot be published"
	}
	_, err := fmt.Fprintf(w, "%d errors, %d warnings at %d entries: %s\n", blocking, len(answer.Findings)-blocking, answer.TreeSize, verdict)
	return err
}

type reviewCOE struct {
	oneCOE
	Revision *int   `help:"The revision that you have seen; the newest unless given."`
	Reason   string `help:"A word to the reviewer; it is kept, encrypted."`
}

// Run submits a draft.
func (c *reviewCOE) Run(p *program) error {
	return c.order(p, "review", c.Revision, map[string]any{"reason": c.Reason}, func(decide.Answer) string { return "it waits for another person to publish it" })
}

type publishCOE struct {
	oneCOE
	Revision *int   `help:"The revision that you have read; the newest unless given."`
	Weeks    int    `help:"For how many weeks it must not happen again; 4 unless given."`
	Reason   string `help:"A word about it; it is kept, encrypted."`
}

// Run publishes.
func (c *publishCOE) Run(p *program) error {
	return c.order(p, "publish", c.Revision, map[string]any{"weeks": c.Weeks, "reason": c.Reason}, func(decide.Answer) string { return "published" })
}

type closeCOE struct {
	oneCOE
	Revision *int   `help:"The revision that you have seen; the newest unless given."`
	Reason   string `help:"Why, when it was not effective; it is kept, encrypted."`
}

// Run closes.
func (c *closeCOE) Run(p *program) error {
	return c.order(p, "close", c.Revision, map[string]any{"reason": c.Reason}, func(decide.Answer) string { return "closed" })
}

type bundleCOE struct {
	oneCOE
	File string `arg:"" type:"path" help:"Zip file to write; one that exists is kept."`
}

// Run packs a COE.
func (c *bundleCOE) Run(p *program) error {
	path, err := c.path()
	if err != nil {
		return err
	}
	var packed []byte
	if err := c.get(p.ctx, path+"/bundle", nil, &packed); err != nil {
		return err
	}
	if err := writeNew(c.File, packed); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%d bytes; verify it with: makegood audit verify-bundle FILE --key ledger.pub\n", len(packed))
	return err
}
