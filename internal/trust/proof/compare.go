package proof

import (
	"ringfence/internal/platform/journal"
)

// Compare holds several files against each other: checkpoints that were kept, and
// exports. Where a log has been forked (one customer was shown one history, the
// files hold another) it is found here.
func Compare(all []*Report) *Report {
	out := &Report{File: "all files together", Kind: "comparison"}
	key := ""
	for _, r := range all {
		if r.Key != "" && key != "" && r.Key != key {
			out.bad(claimKey, "%s is signed by another key than the files before it", r.File)
			return out
		}
		if r.Key != "" {
			key = r.Key
		}
	}
	if key == "" {
		out.bad(claimKey, "checkpoints alone prove nothing without the key: give --key, or an export")
		return out
	}
	for _, r := range all {
		if r.Kind != "checkpoint" || len(r.checkpoints) == 0 {
			continue
		}
		p := r.checkpoints[0]
		if _, err := journal.OpenNote(p.text, key); err != nil {
			out.bad(claimSignature, "%s: %v", r.File, err)
			continue
		}
		out.keptAgainst(r.File, p.c, all)
	}
	out.forks(all)
	return out
}

// keptAgainst looks for a file that says what the log was at a checkpoint's size.
func (r *Report) keptAgainst(file string, c journal.Checkpoint, all []*Report) {
	known := false
	for _, other := range all {
		if other.grows != nil && other.checkpoints[0].c.Origin == c.Origin {
			if root, ok := other.grows(c.Size); ok {
				known = true
				if root != c.Root.String() {
					r.bad(claimConsistency, "%s: the log of %s had another history at %d events: it was forked or rewritten", file, other.File, c.Size)
					continue
				}
				r.good(claimConsistency, "%s: the log of %s is what it was at this checkpoint, and has only grown since", file, other.File)
			}
			continue
		}
		if other.Kind == "checkpoint" {
			continue
		}
		proves := false
		for _, p := range other.checkpoints {
			if p.c.Origin == c.Origin && p.c.Size == c.Size {
				known = true
				proves = proves || p.c.Root == c.Root // where not, forks tells
			}
		}
		if proves {
			r.good(claimConsistency, "%s: %s proves its growth from this checkpoint", file, other.File)
		}
	}
	if !known {
		r.bad(claimConsistency, "%s: none of the files says what the log was at %d events; export the whole change log, or one that holds this checkpoint", file, c.Size)
	}
}

// forks finds two checkpoints of one log and size that differ.
func (r *Report) forks(all []*Report) {
	type at struct {
		origin string
		size   int64
	}
	seen := map[at]string{}
	n := 0
	for _, one := range all {
		for _, p := range one.checkpoints {
			k := at{p.c.Origin, p.c.Size}
			if root, twice := seen[k]; twice && root != p.c.Root.String() {
				r.bad(claimConsistency, "there are two different checkpoints of %d events: the log was forked", p.c.Size)
			}
			seen[k] = p.c.Root.String()
			n++
		}
		if one.grows == nil {
			continue
		}
		for _, other := range all {
			for _, p := range other.checkpoints {
				if root, ok := one.grows(p.c.Size); ok && other != one && other.Kind != "checkpoint" && p.c.Origin == one.checkpoints[0].c.Origin && root != p.c.Root.String() {
					r.bad(claimConsistency, "%s and %s hold different histories of %d events: the log was forked", one.File, other.File, p.c.Size)
				}
			}
		}
	}
	if r.Holds() || len(r.Findings) == 0 {
		r.good(claimConsistency, "no two of %d checkpoints contradict each other", n)
	}
}
