package capture

import "strings"

// Known is one profile: which telephone system it reads, and on what its reading was checked.
type Known struct {
	Name     string // as settings write it
	Title    string // for people
	Reads    string // what it reads, in one sentence
	Verified bool   // checked against recordings and logs of a real system
	Checked  string // on what it was checked, and what that leaves open
	Logs     bool   // it joins the recordings with logs
	Pattern  bool   // names can be described by a pattern
}

const unverified = "Written from the maker's documentation and from public programs that read the same files; no sample of a real system was at hand. Compare the dry run with what really happened before you rely on it."

// profiles is the one table of what there is; the API, the portal and the documentation show it.
var profiles = []Known{
	{
		Name: "asterisk", Title: "Asterisk or FreePBX", Logs: true, Verified: true,
		Reads:   "Recordings of MixMonitor, joined with CDR, CEL and queue_log by uniqueid and linkedid.",
		Checked: "Checked against calls that were made on an Asterisk 22 and described while they were made.",
	},
	{
		Name: "3cx", Title: "3CX", Logs: true,
		Reads:   "Recordings as 3CX names them, in a folder for each extension, joined with the lines of its CDR file by parties and time.",
		Checked: unverified,
	},
	{
		Name: "freeswitch", Title: "FreeSWITCH or FusionPBX", Logs: true,
		Reads:   "Recordings named by uuid or by the CDR, joined with XML or JSON CDRs, one file for each leg.",
		Checked: unverified,
	},
	{
		Name: "yeastar", Title: "Yeastar", Logs: true,
		Reads:   "Recordings as Yeastar names them, joined with an exported CDR list (CSV), or with what its API says of each call.",
		Checked: unverified,
	},
	{
		Name: "generic", Title: "Any sound file", Verified: true, Pattern: true,
		Reads:   "Any sound file; what is known of it comes from a JSON or CSV beside it, a pattern of its name, or the file system.",
		Checked: "It relies on no telephone system.",
	},
}

// Profiles lists the profiles that there are.
func Profiles() []Known { return append([]Known(nil), profiles...) }

// ProfileNamed finds a profile.
func ProfileNamed(name string) (Known, bool) {
	for _, p := range profiles {
		if p.Name == name {
			return p, true
		}
	}
	return Known{}, false
}

// ProfileNames are the names of all profiles.
func ProfileNames() []string {
	names := make([]string, len(profiles))
	for i, p := range profiles {
		names[i] = p.Name
	}
	return names
}

// listed joins names as a sentence does.
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
