package httpapi

import (
	"fmt"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/trust/privacy"
)

// RetentionWhen is what a recording has to be for a rule to fit: one of the
// values of each field that is given.
type RetentionWhen struct {
	Marks      []string         `json:"marks,omitempty" maxItems:"10" doc:"card-data, security-code"`
	Tags       []string         `json:"tags,omitempty" maxItems:"200" doc:"Ids"`
	Extensions []string         `json:"extensions,omitempty" maxItems:"200"`
	Queues     []string         `json:"queues,omitempty" maxItems:"200"`
	Outcomes   []string         `json:"outcomes,omitempty" maxItems:"3" doc:"answered, abandoned, unanswered"`
	Directions []string         `json:"directions,omitempty" maxItems:"3" doc:"inbound, outbound, internal"`
	Languages  []string         `json:"languages,omitempty" maxItems:"200" doc:"Without country: en fits en-GB"`
	Length     *RetentionLength `json:"length,omitempty"`
}

// RetentionLength is from and to in seconds; 0: no limit.
type RetentionLength struct {
	_    struct{} `nullable:"true"`
	From int      `json:"from" minimum:"0"`
	To   int      `json:"to" minimum:"0"`
}

// RetentionRule is one rule; the most specific one that fits counts.
type RetentionRule struct {
	ID       string        `json:"id,omitempty" maxLength:"60" doc:"Empty for a new one"`
	Name     string        `json:"name" maxLength:"100"`
	When     RetentionWhen `json:"when"`
	Days     int           `json:"days" doc:"Counted from the start of the call; 0: for ever"`
	Then     string        `json:"then" doc:"delete-all, delete-sound (the transcript stays), keep-figures"`
	TextDays int           `json:"text_days,omitempty" doc:"With delete-sound: when the transcript goes too; 0: never"`
}

// RetentionDefault counts where no rule fits.
type RetentionDefault struct {
	Days     int    `json:"days" doc:"0: for ever"`
	Then     string `json:"then"`
	TextDays int    `json:"text_days,omitempty"`
}

// AppliedSet is a ready-made set and what it is applied to.
type AppliedSet struct {
	Set  string        `json:"set" maxLength:"40"`
	When RetentionWhen `json:"when"`
}

// RetentionPolicy is all rules together: they are read and saved as one.
type RetentionPolicy struct {
	Rules   []RetentionRule  `json:"rules" maxItems:"200"`
	Default RetentionDefault `json:"default"`
	Sets    []AppliedSet     `json:"sets" maxItems:"20"`
}

// RetentionSet is a ready-made set.
type RetentionSet struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Source  string `json:"source"`
	Note    string `json:"note"`
	Days    int    `json:"days" doc:"What it proposes"`
	Least   int    `json:"least_days" doc:"No rule for these recordings may be shorter; 0: it names no least"`
	Endless bool   `json:"endless" doc:"Keeping for ever is allowed"`
}

// RetentionRules are the rules in force, and what waits to replace them.
type RetentionRules struct {
	Chosen  bool              `json:"chosen" doc:"false: nothing is captured until it is chosen"`
	Version int64             `json:"version" doc:"Goes with a save: another one means that somebody was faster"`
	Policy  RetentionPolicy   `json:"policy"`
	SetAt   *time.Time        `json:"set_at"`
	SetBy   string            `json:"set_by"`
	Pending *RetentionPending `json:"pending"`
	Sets    []RetentionSet    `json:"sets" doc:"Ready-made sets there are"`
}

// RetentionPending is a shorter policy that waits for its week, or for a second person.
type RetentionPending struct {
	_        struct{}        `nullable:"true"`
	Policy   RetentionPolicy `json:"policy"`
	Approval string          `json:"approval_id"`
	AskedAt  time.Time       `json:"asked_at"`
	AskedBy  string          `json:"asked_by"`
	From     time.Time       `json:"from" doc:"When it comes into force without a second person"`
	Count    int64           `json:"count" doc:"Recordings that would have gone the night it was asked for"`
	Reason   string          `json:"reason"`
}

// RetentionNight is what a policy does in one night.
type RetentionNight struct {
	Recordings int64 `json:"recordings"`
	Bytes      int64 `json:"bytes"`
	SoundOnly  int64 `json:"sound_only" doc:"The sound goes and the transcript stays"`
	Held       int64 `json:"held" doc:"Due, and kept by legal holds or at a person's request"`
}

// RetentionPreview is what a policy would do tonight.
type RetentionPreview struct {
	Tonight  RetentionNight `json:"tonight"`
	InForce  RetentionNight `json:"in_force" doc:"The same night by the rules in force"`
	Added    int64          `json:"added" doc:"Would go by the new rules alone"`
	Spared   int64          `json:"spared" doc:"Would go by the rules in force alone: kept longer"`
	Shortens bool           `json:"shortens" doc:"Some recording, now or later, would be due earlier: it waits a week or needs a second person"`
	Confirm  int64          `json:"confirm" doc:"The number that a save has to confirm; 0: none"`
}

// RetentionSaved is what became of a save.
type RetentionSaved struct {
	Rules     RetentionRules `json:"rules"`
	Pending   bool           `json:"pending"`
	From      *time.Time     `json:"from"`
	Destroyed int64          `json:"destroyed" doc:"Recordings that rules have destroyed so far: they do not come back"`
}

// RetentionGoing is one recording that would go.
type RetentionGoing struct {
	ID        string    `json:"id"`
	StartedAt time.Time `json:"started_at"`
	Seconds   float64   `json:"seconds"`
	Queue     string    `json:"queue"`
	Direction string    `json:"direction"`
	Bytes     int64     `json:"bytes"`
	What      string    `json:"what" enum:"all,sound,figures-stay"`
	Reason    string    `json:"reason"`
}

func showNight(n privacy.Night) RetentionNight {
	return RetentionNight{n.Recordings, n.Bytes, n.Silenced, n.Held}
}

func (in RetentionWhen) when(path string) (w privacy.When, err error) {
	w = privacy.When{Extensions: in.Extensions, Queues: in.Queues, Outcomes: in.Outcomes, Directions: in.Directions, Languages: in.Languages}
	for _, m := range in.Marks {
		w.Marks = append(w.Marks, recording.Mark(m))
	}
	for i, text := range in.Tags {
		t, err := id.Parse[id.Tag](text)
		if err != nil {
			return w, fault.Field(fmt.Sprintf("%s.tags[%d]", path, i), "there is no such tag")
		}
		w.Tags = append(w.Tags, t)
	}
	if in.Length != nil {
		w.Length = &privacy.Range{From: in.Length.From, To: in.Length.To}
	}
	return w, nil
}

func (in RetentionPolicy) policy() (p privacy.Policy, err error) {
	for i, r := range in.Rules {
		out := privacy.Rule{Name: r.Name, Days: r.Days, Then: privacy.Then(r.Then), TextDays: r.TextDays}
		if out.When, err = r.When.when(fmt.Sprintf("rules[%d].when", i)); err != nil {
			return p, err
		}
		if r.ID != "" {
			if out.ID, err = id.Parse[id.Period](r.ID); err != nil {
				return p, fault.Field(fmt.Sprintf("rules[%d].id", i), "there is no such rule")
			}
		}
		p.Rules = append(p.Rules, out)
	}
	p.Default = privacy.Rule{Days: in.Default.Days, Then: privacy.Then(in.Default.Then), TextDays: in.Default.TextDays}
	for i, a := range in.Sets {
		w, err := a.When.when(fmt.Sprintf("sets[%d].when", i))
		if err != nil {
			return p, err
		}
		p.Sets = append(p.Sets, privacy.Applied{Set: a.Set, When: w})
	}
	return p, nil
}

func showWhen(w privacy.When) RetentionWhen {
	out := RetentionWhen{Extensions: w.Extensions, Queues: w.Queues, Outcomes: w.Outcomes, Directions: w.Directions, Languages: w.Languages}
	for _, m := range w.Marks {
		out.Marks = append(out.Marks, string(m))
	}
	for _, t := range w.Tags {
		out.Tags = append(out.Tags, t.String())
	}
	if w.Length != nil {
		out.Length = &RetentionLength{From: w.Length.From, To: w.Length.To}
	}
	return out
}

func showPolicy(p privacy.Policy) RetentionPolicy {
	out := RetentionPolicy{Rules: []RetentionRule{}, Default: RetentionDefault{p.Default.Days, string(p.Default.Then), p.Default.TextDays}, Sets: []AppliedSet{}}
	for _, r := range p.Rules {
		out.Rules = append(out.Rules, RetentionRule{r.ID.String(), r.Name, showWhen(r.When), r.Days, string(r.Then), r.TextDays})
	}
	for _, a := range p.Sets {
		out.Sets = append(out.Sets, AppliedSet{a.Set, showWhen(a.When)})
	}
	return out
}

func showRules(set privacy.Settings, names map[string]string) RetentionRules {
	out := RetentionRules{Chosen: set.Chosen, Version: set.Version, Policy: showPolicy(set.Policy), SetAt: when(set.SetAt), SetBy: nameOf(names, "", set.SetBy)}
	if p := set.Pending; p != nil {
		out.Pending = &RetentionPending{
			Policy: showPolicy(p.Policy), Approval: p.Approval.String(), AskedAt: p.AskedAt, AskedBy: nameOf(names, "", p.AskedBy), From: p.From, Count: p.Count, Reason: p.Reason,
		}
	}
	for _, s := range privacy.Sets() {
		out.Sets = append(out.Sets, RetentionSet{s.Name, s.Title, s.Source, s.Note, s.Days, s.Least, s.Endless})
	}
	return out
}
