package blueprint

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/org"
)

// decision is a plan with what is to be written for it.
type decision struct {
	Plan
	quota  org.Quota // whole, as it will be
	brand  org.Brand
	inside bool // something of the inside changes
	memory stored
}

// plan compares a file with what the registry knows.
func (s *Service) plan(tx *place.Tx, at org.Node, f File) (d decision, err error) {
	if d.Node, err = target(tx, at, f.Customer); err != nil {
		return d, err
	}
	fresh := d.Node.ID.IsZero()
	before := d.Node.Name
	if before != f.Customer {
		d.Lines = append(d.Lines, Line{Path: "customer", Before: before, After: f.Customer})
	}
	if !fresh {
		if d.quota, err = org.QuotaOf(tx, d.Node.ID); err != nil {
			return d, err
		}
		if d.brand, err = org.ReadBrand(tx, d.Node.ID); err != nil {
			return d, err
		}
		if d.memory, d.State, err = remembered(tx, d.Node.ID); err != nil {
			return d, err
		}
	}
	was := maps.Clone(d.quota)
	if err := d.above(f); err != nil {
		return d, err
	}
	above := []id.Node{at.ID}
	if !fresh {
		above = nil
	}
	if up, err := org.Above(tx, cmp.Or(d.Node.ID, at.ID)); err != nil {
		return d, err
	} else if err := org.Fits(tx, append(above, up...), was, d.quota); err != nil {
		return d, prefixed("quotas", err)
	}
	if err := s.within(tx, &d, f, fresh); err != nil {
		return d, err
	}
	slices.SortStableFunc(d.Lines, func(a, b Line) int { return strings.Compare(a.Path, b.Path) })
	return d, nil
}

// target is the customer that a file is about; zero: it is to be made.
func target(tx *place.Tx, at org.Node, name string) (org.Node, error) {
	if at.Kind == org.Customer {
		return at, nil
	}
	list, err := org.Named(tx, at.ID, name)
	switch {
	case err != nil || len(list) == 0:
		return org.Node{}, err
	case len(list) > 1:
		return org.Node{}, fault.Field("customer", "there are %d of this name; apply the file at the customer itself", len(list))
	case list[0].Kind != org.Customer:
		return org.Node{}, fault.Field("customer", "a %s has this name", list[0].Kind)
	}
	return list[0], nil
}

// above compares what stands in the registry itself.
func (d *decision) above(f File) error {
	was := maps.Clone(d.quota)
	if d.quota == nil {
		d.quota = org.Quota{}
	}
	for m, most := range f.Quotas.of() {
		old, had := was[m]
		if d.quota[m] = most; !had || old != most {
			before := ""
			if had {
				before = strconv.FormatInt(old, 10)
			}
			d.Lines = append(d.Lines, Line{Path: "quotas." + string(m), Before: before, After: strconv.FormatInt(most, 10)})
		}
	}
	if f.Branding == nil {
		return nil
	}
	old := d.brand
	says, err := f.Branding.of()
	if err != nil {
		return err // Parse has refused it before
	}
	if says.Name != "" {
		d.brand.Name = says.Name
	}
	if says.Accent != "" {
		d.brand.Accent, d.brand.OnAccent = says.Accent, says.OnAccent
	}
	if says.LogoHash != "" {
		d.brand.Logo, d.brand.LogoHash = says.Logo, says.LogoHash
	}
	for _, l := range []Line{
		{Path: "branding.name", Before: old.Name, After: d.brand.Name},
		{Path: "branding.accent", Before: old.Accent, After: d.brand.Accent},
		{Path: "branding.on_accent", Before: old.OnAccent, After: d.brand.OnAccent},
		{Path: "branding.logo", Before: brief(old.LogoHash), After: brief(d.brand.LogoHash)},
	} {
		if l.Before != l.After {
			d.Lines = append(d.Lines, l)
		}
	}
	return nil
}

// within compares what acts inside the place with what blueprints have said of
// it before: the place itself is not opened.
func (s *Service) within(tx *place.Tx, d *decision, f File, fresh bool) error {
	probe := d.Node.ID
	if fresh {
		probe = id.New[id.Node]() // a folder that is open to every customer, or to {customer}, will do for this one
	}
	var bad fault.Error
	for i, src := range f.Sources {
		for _, folder := range []string{src.Folder, src.Logs} {
			if src.Kind == "folder" && folder != "" && !s.o.Folder(probe, strings.ReplaceAll(folder, "{customer}", probe.String())) {
				bad.Details = append(bad.Details, fault.Detail{Path: "sources[" + strconv.Itoa(i) + "].folder", Text: "the operator of this server has not opened " + folder + " to this customer"})
			}
		}
	}
	if len(bad.Details) > 0 {
		bad.Kind, bad.Text = fault.Invalid, "the blueprint cannot be applied here"
		return &bad
	}
	settled := false
	if !fresh {
		signs, err := org.Signs(tx, d.Node.ID)
		if err != nil {
			return err
		}
		settled = slices.Contains(signs, org.SignJoined)
	}
	says := flat(f.inside())
	lines := compare(d.memory.Is, says)
	for i := range lines {
		lines[i].Kept = settled
	}
	if d.State.State == Failed && len(says) > 0 && !settled {
		lines = append(lines, Line{Path: "(again)", Before: d.State.Note, After: "what was refused before is tried again"})
	}
	d.inside = len(lines) > 0 && !settled
	d.Lines = append(d.Lines, lines...)
	if d.memory.Is == nil {
		d.memory.Is = map[string]string{}
	}
	maps.Copy(d.memory.Is, says)
	d.memory.File = f.inside()
	return nil
}

const intentInside = "blueprint"

type insideArgs struct {
	Node id.Node `json:"node"`
	Who  string  `json:"who"`
}

// decide writes all of a plan that is the registry's, and the intent for the rest.
func (s *Service) decide(tx *place.Tx, who actor.Actor, at org.Node, f File, d *decision) (err error) {
	switch {
	case d.Node.ID.IsZero():
		d.Node, err = org.Add(tx, at.ID, org.Customer, f.Customer)
	case d.Node.Name != f.Customer:
		d.Node, err = org.PutName(tx, d.Node.ID, f.Customer)
	}
	if err != nil {
		return err
	}
	if d.touches("quotas.") {
		if err := org.PutQuota(tx, d.Node.ID, d.quota); err != nil {
			return prefixed("quotas", err)
		}
	}
	if d.touches("branding.") {
		if err := org.PutBrand(tx, d.Node.ID, d.brand); err != nil {
			return prefixed("branding", err)
		}
	}
	tx.Record(place.Event{Code: "blueprint.applied", Subject: d.Node.ID.String(), Facts: map[string]string{"lines": strconv.Itoa(len(d.Lines))}})
	if !d.inside {
		return nil
	}
	if err := remember(tx, d.Node.ID, d.memory, State{State: Applying}); err != nil {
		return err
	}
	_, err = tx.Intend(intentInside, insideArgs{d.Node.ID, who.ID})
	return err
}

func (d *decision) touches(prefix string) bool {
	return slices.ContainsFunc(d.Lines, func(l Line) bool { return strings.HasPrefix(l.Path, prefix) })
}

func prefixed(path string, err error) error {
	f := fault.Of(err)
	if f.Kind != fault.Invalid {
		return err
	}
	out := fault.New(fault.Invalid, "%s", f.Text)
	for _, d := range f.Details {
		out.Details = append(out.Details, fault.Detail{Path: path + "." + d.Path, Text: d.Text})
	}
	return out
}
