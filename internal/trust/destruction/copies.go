package destruction

import (
	"fmt"
	"time"

	"ringfence/internal/platform/place"
)

// The states of a copy.
const (
	gone      = "gone"
	remaining = "remaining"
	none      = "none"
	unknown   = "unknown"
	waiting   = "waiting"
)

// copies says what became of each kind of copy of a run's recordings, but of
// those at sources.
func (s *Service) copies(d place.Dialect, r runRow) []Copy {
	ended := instant(r.Ended)
	all := []Copy{
		{What: "keys, first store", State: gone, Detail: "the wrapped keys were erased; their ids stay as tombstones"},
		second("keys, second store", r.TwoKeys, "erased as in the first; their ids stay as tombstones"),
		{What: "sound and transcripts, first store", State: gone, Detail: "the objects were removed after their keys were destroyed"},
		second("sound and transcripts, second store", r.TwoObjects, "removed as in the first"),
		{What: "names and numbers", State: gone, Detail: "the row and its blinded numbers were deleted; the key of what was sealed in it was destroyed"},
		{What: "search words", State: gone, Detail: "the blinded words were deleted and the index was rewritten without them"},
	}
	all = append(all, engineLog(d))
	b := s.o.Backups(ended)
	all = append(all,
		backupCopy("backups of rows and of the log of changes", b.On, b.Places, s.o.Now(),
			"they can hold sealed fields and blinded words, whose keys are destroyed or whose meaning needs the customer's index key; the last one that can hold them goes on this day"),
		backupCopy("backups of keys", b.On, b.Keys, s.o.Now(),
			"until this day, whoever holds such a copy, the backup key and the root key could still open what was destroyed; a restore destroys it again"),
	)
	return all
}

func second(what string, two bool, detail string) Copy {
	if !two {
		return Copy{What: what, State: none, Detail: "this installation had one place only"}
	}
	return Copy{What: what, State: gone, Detail: detail}
}

// engineLog is honest about what a database keeps beside its rows.
func engineLog(d place.Dialect) Copy {
	if d == place.SQLite {
		return Copy{What: "log and free pages of the database", State: gone, Detail: "SQLite: deleted bytes are overwritten, and the file's log was emptied"}
	}
	return Copy{What: "log and free pages of the database", State: unknown, Detail: "PostgreSQL: dead rows were vacuumed; bytes of wrapped keys and blinded words can stay in freed space until it is written again, " +
		"in the cluster's log until its segments were removed or written anew, and in archived segments and base backups as long as the operator keeps those"}
}

func backupCopy(what string, on bool, until, now time.Time, detail string) Copy {
	switch {
	case !on:
		return Copy{What: what, State: none, Detail: "Ringfence makes none here; copies that the operator makes by other means are not known"}
	case until.IsZero():
		return Copy{What: what, State: unknown, Detail: "the operator backs these up by other means"}
	case !until.After(now):
		return Copy{What: what, State: gone, Until: &until, Detail: "the last copy from before has run out"}
	}
	return Copy{What: what, State: remaining, Until: &until, Detail: detail}
}

// sourceCopy says what became of the files that recordings came from; remain
// names the sources that keep theirs.
func sourceCopy(t Total, remain string) Copy {
	c := Copy{What: "files at the source, and a collector's spool", State: gone, Detail: "removed there"}
	if t.Remaining > 0 {
		c.State = remaining
		c.Detail = fmt.Sprintf("the telephone system keeps its original of %d%s: out of reach; they are never captured again", t.Remaining, remain)
	}
	if t.Unknown > 0 {
		c.State = unknown
		c.Detail = fmt.Sprintf("of %d nobody can say what became of the file; %d remain there%s", t.Unknown, t.Remaining, remain)
	}
	if t.Waiting > 0 {
		c.State = waiting
		c.Detail = fmt.Sprintf("of %d a collector, or whoever watches the folder, was asked and has not answered yet; of %d nobody can say; %d remain there%s. When it has answered, a certificate takes the place of this one", t.Waiting, t.Unknown, t.Remaining, remain)
	}
	return c
}
