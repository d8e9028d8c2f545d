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
)

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
	case CommandPause, CommandResume:
		return []string{RoleOperator, RoleApprover}, "an operator or an approver may stop money and let it flow again"
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

// MayGive says why somebody with these roles may not give a command; empty when
// they may, as far as roles go.
func MayGive(roles []string, command string) (refused string) {
	wanted, who := rolesFor(command)
	if Has(roles, wanted...) {
		return ""
	}
	return "only " + who
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
		return "only an operator may pull it red, or an agent from two segments down; pull it yellow to call for help"
	}
	return ""
}
