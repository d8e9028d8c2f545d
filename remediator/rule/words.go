package rule

// otherWords are what rules elsewhere call the keys of ours: who writes a first rule writes
// what they know.
var otherWords = map[string]string{
	"name": "rule", "id": "rule",
	"description": "why", "reason": "why",
	"type": "event", "types": "event", "events": "event", "trigger": "event", "on": "event",
	"when": "if", "where": "if", "filter": "if", "condition": "if", "conditions": "if",
	"then": "do", "action": "do", "actions": "do", "steps": "do",
}
