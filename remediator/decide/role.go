package decide

import (
	"slices"

	"github.com/makegood/makegood/remediator/cord"
)

// Roles of people and programs. A person may have several.
const (
	RoleEmitter  = "emitter"  // emits events and asks gates
	RoleAgent    = "agent"    // speaks with customers: pulls cords, asks for refunds
	RoleAuthor   = "author"   // writes rules
	RoleApprover = "approver" // decides about what is held
	RoleAuditor  = "auditor"  // reads everything
	RoleOperator = "operator" // runs the service: pauses, resumes, releases, retries
	RoleAdmin    = "admin"    // makes tokens, and may do what every other role may
)

// Roles lists every role.
func Roles() []string {
	return []string{RoleEmitter, RoleAgent, RoleAuthor, RoleApprover, RoleAuditor, RoleOperator, RoleAdmin}
}

// The commands of people.
const (
	CommandApprove     = "approve"
	CommandDeny        = "deny"
	CommandRetry       = "retry"
	CommandReverse     = "reverse"
	CommandRequest     = "request"
	CommandApply       = "apply"
	CommandPull        = "pull"
	CommandAcknowledge = "acknowledge"
	CommandRelease     = "release"
	CommandPause       = "pause"
	CommandResume      = "resume"
	CommandToken       = "token"
	CommandRevoke      = "revoke"
	CommandErase       = "erase"
	CommandHold        = "hold"
	CommandUnhold      = "unhold"
	CommandReconcile   = "reconcile"
	CommandClose       = "close"
	CommandSignIn      = "sign-in"
	CommandSignOut     = "sign-out"
	CommandDraft       = "coe-draft"
	CommandRevise      = "coe-revise"
	CommandSubmit      = "coe-submit"
	CommandPublish     = "coe-publish"
	CommandShelve      = "coe-close"
)

// Restorer is in whose name money is paused after a restore.
const Restorer = "restore"

// rolesFor lists who may give a command, and how a refusal names them.
func rolesFor(command string) (roles []string, who string) {
	switch command {
	case CommandApprove, CommandDeny:
		return []string{RoleApprover}, "an approver may answer a held remedy"
	case CommandRetry:
		return []string{RoleOperator, RoleApprover}, "an operator or an approver may have a remedy tried again"
	case CommandReverse:
		return []string{RoleAgent, RoleOperator, RoleApprover}, "an agent, an operator or an approver may ask for a reversal"
	case CommandRequest:
		return []string{RoleAgent, RoleOperator, RoleApprover}, "an agent, an operator or an approver may ask for a refund"
	case CommandApply:
		return []string{RoleOperator, RoleAuthor}, "an operator or an author may have something made good afterwards"
	case CommandPull, CommandAcknowledge, CommandRelease:
		return []string{RoleAgent, RoleAuthor, RoleApprover, RoleAuditor, RoleOperator}, "a person who is signed in may touch a cord"
	case CommandSignIn, CommandSignOut:
		return []string{RoleAgent, RoleAuthor, RoleApprover, RoleAuditor, RoleOperator}, "a person may sign in, a program that emits events may not"
	case CommandPause, CommandResume:
		return []string{RoleOperator, RoleApprover}, "an operator or an approver may stop money and let it flow again"
	case CommandErase, CommandHold, CommandUnhold:
		return []string{RoleOperator}, "an operator may erase a customer's data, or hold it"
	case CommandReconcile, CommandClose:
		return []string{RoleOperator, RoleApprover, RoleAuditor}, "an operator, an approver or an auditor may compare the ledger with a provider and close differences"
	case CommandDraft, CommandRevise, CommandSubmit:
		return []string{RoleAgent, RoleAuthor, RoleApprover, RoleAuditor, RoleOperator}, "a person who is signed in may write a COE"
	case CommandPublish, CommandShelve:
		return []string{RoleAuthor, RoleApprover, RoleAuditor, RoleOperator}, "an author, an approver, an auditor or an operator may publish and close a COE"
	case CommandToken, CommandRevoke:
		return []string{RoleAdmin}, "an administrator may make and revoke tokens"
	}
	return nil, ""
}

// Has reports whether somebody with these roles has one of the wanted. An
// administrator has all.
func Has(roles []string, wanted ...string) bool {
	return slices.Contains(roles, RoleAdmin) || slices.ContainsFunc(wanted, func(role string) bool { return slices.Contains(roles, role) })
}

// RolesFor returns the roles that may give a command, beside the administrator.
func RolesFor(command string) []string {
	roles, _ := rolesFor(command)
	return roles
}

// EvidenceReaders are the roles that may see what events say and what people wrote,
// beside the administrator.
func EvidenceReaders() []string { return []string{RoleAuthor, RoleApprover, RoleAuditor, RoleOperator} }

// MayGive says why somebody with these roles may not give a command; empty when
// they may, as far as roles go.
func MayGive(roles []string, command string) (refused string) {
	wanted, who := rolesFor(command)
	if Has(roles, wanted...) {
		return ""
	}
	return only + who
}

// agentSegments is from how far down an agent may stop: a product, not a catalogue.
const agentSegments = 2

// mayStop reports whether somebody may pull a path red and release it.
func mayStop(roles []string, path string) bool {
	return Has(roles, RoleOperator) || Has(roles, RoleAgent) && cord.Segments(path) >= agentSegments
}

// MayPull says why somebody with these roles may not pull a cord to a level;
// empty when they may. Anybody who is signed in may call for help.
func MayPull(roles []string, path, level string) (refused string) {
	if refused := MayGive(roles, CommandPull); refused != "" {
		return refused
	}
	if level == cord.Red && !mayStop(roles, path) {
		return only + "an operator may pull it red, or an agent from two segments down; pull it yellow to call for help"
	}
	return ""
}

// MayRelease says why somebody may not release a pulled cord, whatever they know of
// its cause and its fix; empty when they may.
func MayRelease(roles []string, by string, s *cord.State) (refused string) {
	if refused := MayGive(roles, CommandRelease); refused != "" || s.Level != cord.Red {
		return refused
	}
	switch {
	case !mayStop(roles, s.Cord):
		return only + "an operator may release it, or an agent from two segments down"
	case Same(s.By, by) || Same(s.RaisedBy, by):
		return ownPull
	}
	return ""
}
