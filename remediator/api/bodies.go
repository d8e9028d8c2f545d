package api

import (
	"time"

	"github.com/google/uuid"

	"github.com/makegood/makegood/remediator/rule"
)

// The bodies of commands. Whoever sends more is told so.
type (
	// applyBody is what is made good afterwards: a period, and customers, or everybody.
	applyBody struct {
		Since     time.Time `json:"since"`
		Until     time.Time `json:"until"`
		Customers []string  `json:"customers"`
		Reason    string    `json:"reason"`
		DryRun    bool      `json:"dry_run"`
	}
	// reasonBody is why.
	reasonBody struct {
		Reason string `json:"reason"`
	}
	// approveBody is why, and what whoever approves saw the remedy held for; without it any
	// reason is meant.
	approveBody struct {
		Reason  string `json:"reason"`
		HeldFor string `json:"held_for"`
	}
	// approveBulkBody is why, and the revision of the bulk that whoever approves saw;
	// without it any is meant.
	approveBulkBody struct {
		Reason   string `json:"reason"`
		Revision int    `json:"revision"`
	}
	// stepsBody is why, and which step; none: all of them.
	stepsBody struct {
		Reason string    `json:"reason"`
		Action uuid.UUID `json:"action"`
	}
	// cordBody is an andon cord, and what is done to it.
	cordBody struct {
		Cord         string `json:"cord"`
		Level        string `json:"level"`
		Reason       string `json:"reason"`
		AnswerWithin string `json:"answer_within"`
		Box          string `json:"box"`
		Watch        string `json:"watch"`
		Quiet        string `json:"quiet"`
		Cause        string `json:"cause"`
		Fix          string `json:"fix"`
	}
	// targetBody is what is stopped or goes on: money, or rule: and its name.
	targetBody struct {
		Target string `json:"target"`
		Reason string `json:"reason"`
	}
	// reconcileBody is which provider the ledger is compared with, and for which period.
	reconcileBody struct {
		Provider string    `json:"provider"`
		From     time.Time `json:"from"`
		To       time.Time `json:"to"`
		Owner    string    `json:"owner"`
		Reason   string    `json:"reason"`
	}
	// activateBody is rule files, and the digest of the set that they take the place of.
	activateBody struct {
		Files  []rule.File `json:"files"`
		Parent string      `json:"parent"`
	}
	// backtestBody is rule files, those in force by default, and files to compare with;
	// since and until are times, days, or how long before an end: since before until, until before that of the log.
	backtestBody struct {
		Files   []rule.File `json:"files"`
		Against []rule.File `json:"against"`
		Since   string      `json:"since"`
		Until   string      `json:"until"`
	}
	// digestBody is the rule set that waits.
	digestBody struct {
		Digest string `json:"digest"`
	}
	// tokenBody is whose the token is and what they may; expires_in is a time like 90d, for ever by default.
	tokenBody struct {
		Name      string   `json:"name"`
		Roles     []string `json:"roles"`
		ExpiresIn string   `json:"expires_in"`
	}
)
