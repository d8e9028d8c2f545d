package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/ledger"
)

type proveCommand struct {
	service
	Remedy string `arg:"" help:"Id of the remedy."`
	Out    string `type:"path" help:"File to write; one that exists is kept. Defaults to standard output."`
}

// Run proves a remedy.
func (c *proveCommand) Run(p *program) (err error) {
	var answer json.RawMessage // read as it came: every byte of a receipt counts
	if err := c.get(p.ctx, "/v1/remedies/"+url.PathEscape(c.Remedy)+"/receipt", nil, &answer); err != nil {
		return err
	}
	receipt, err := ledger.DecodeReceipt(append(answer, '\n'))
	if err != nil {
		return err
	}
	out := p.stdout
	if c.Out != "" {
		f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fmt.Errorf("write receipt: %w", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	}
	if _, err = out.Write(receipt.Encode()); err != nil {
		return fmt.Errorf("write receipt: %w", err)
	}
	return nil
}

type verifyReceiptCommand struct {
	File   string `arg:"" help:"File of the receipt; - reads standard input."`
	Key    string `required:"" type:"path" help:"File with the ledger's public key, kept elsewhere."`
	Remedy string `placeholder:"ID" help:"Remedy that the receipt must be about."`
	Output string `enum:"table,json" default:"table" help:"table or json."`
}

// proven is what a receipt came to, for programs.
type proven struct {
	Verified bool           `json:"verified"`
	Faults   []ledger.Fault `json:"faults"`
	Remedy   uuid.UUID      `json:"remedy"`
	Origin   string         `json:"origin"`
	Size     uint64         `json:"size"`
	Entries  []provenEntry  `json:"entries"` // none when there are faults
}

type provenEntry struct {
	Entry uint64          `json:"entry"`
	At    time.Time       `json:"at"`
	Kind  string          `json:"kind"`
	Body  json.RawMessage `json:"body"`
}

// Run checks a receipt. It exits with 1 when something is wrong with it.
func (c *verifyReceiptCommand) Run(p *program) error {
	var wanted uuid.UUID
	if c.Remedy != "" {
		var err error
		if wanted, err = uuid.Parse(c.Remedy); err != nil {
			return usageError(fmt.Sprintf("%q is no id of a remedy", c.Remedy))
		}
	}
	key, err := readKept(c.Key, maxKey)
	if err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	data, err := c.read(p)
	if err != nil {
		return fmt.Errorf("read receipt: %w", err)
	}
	receipt, err := ledger.DecodeReceipt(data)
	if err != nil {
		return err
	}
	faults := receipt.Check(strings.TrimSpace(string(key)), wanted)
	if err := c.print(p, receipt, faults); err != nil {
		return err
	}
	if len(faults) > 0 {
		return errChecked
	}
	return nil
}

func (c *verifyReceiptCommand) read(p *program) ([]byte, error) {
	in := p.stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, ledger.MaxReceipt+1))
}

// print says what was proven, or what is wrong: then nothing is.
func (c *verifyReceiptCommand) print(p *program, r *ledger.Receipt, faults []ledger.Fault) error {
	answer := proven{Verified: len(faults) == 0, Faults: faults, Remedy: r.Remedy, Origin: r.Origin, Size: r.Size, Entries: []provenEntry{}}
	if answer.Verified {
		answer.Faults = []ledger.Fault{}
		for _, e := range r.Entries {
			entry, err := ledger.DecodeEntry([]byte(e.Entry))
			if err != nil {
				return err
			}
			answer.Entries = append(answer.Entries, provenEntry{entry.Seq, time.Unix(0, entry.At).UTC(), entry.Kind, entry.Body})
		}
	}
	if c.Output == "json" {
		return printJSON(p.stdout, answer)
	}
	if !answer.Verified {
		for _, f := range faults {
			fmt.Fprintf(p.stdout, "FOUND  %s\n", plain(f.String()))
		}
		fmt.Fprintf(p.stdout, "NOT VERIFIED, findings: %d\n", len(faults))
		return nil
	}
	fmt.Fprintf(p.stdout, "verified: %d entries about remedy %s are in the ledger %s of %d entries\n\n", len(r.Entries), r.Remedy, plain(r.Origin), r.Size)
	rows := [][]string{}
	for _, e := range answer.Entries {
		rows = append(rows, []string{fmt.Sprint(e.Entry), e.At.Format(time.RFC3339), e.Kind, string(e.Body)})
	}
	return printTable(p.stdout, []string{"ENTRY", "AT", "FACT", "BODY"}, rows)
}
