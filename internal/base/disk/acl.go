package disk

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// What Windows has in place of a mode: an access list, read and written in its
// text form (SDDL). The text is parsed here, so that the judgement is tested on
// every system.

// ServiceName is what the collector is called among Windows' services.
const ServiceName = "RingfenceCollector"

// ServiceSID is the account that Windows makes for a service by its name alone:
// S-1-5-80 and the SHA-1 of the name in capitals, in UTF-16.
func ServiceSID(name string) string {
	units := utf16.Encode([]rune(strings.ToUpper(name)))
	b := make([]byte, 0, 2*len(units))
	for _, u := range units {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	sum := sha1.Sum(b)
	sid := "S-1-5-80"
	for i := 0; i < len(sum); i += 4 {
		sid += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(sum[i:]))
	}
	return sid
}

// protected is the access list of a folder that only the system, administrators
// and a service may enter; P keeps out what would be inherited from above.
func protected(service string) string {
	list := "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
	if service != "" {
		list += "(A;OICI;FA;;;" + ServiceSID(service) + ")"
	}
	return list
}

var entry = regexp.MustCompile(`\(([^()]*)\)`)

// mighty can read every file anyway: the system, administrators, and whoever
// owns the file (he may change its list).
var mighty = []string{"SY", "S-1-5-18", "BA", "S-1-5-32-544", "OW", "S-1-3-4", "CO", "S-1-3-0"}

// onlyFor is nil if an access list lets nobody read but the mighty and these.
// A list that is not there lets in everybody; one that is not understood is
// refused.
func onlyFor(sddl string, sids ...string) error {
	_, list, ok := strings.Cut(sddl, "D:")
	if !ok || strings.HasPrefix(list, "NO_ACCESS_CONTROL") {
		return fmt.Errorf("everybody can read it: it has no access list")
	}
	list, _, _ = strings.Cut(list, "S:")
	for _, m := range entry.FindAllStringSubmatch(list, -1) {
		parts := strings.Split(m[1], ";")
		if len(parts) < 6 {
			return fmt.Errorf("its access list is not understood: %q", m[1])
		}
		kind, who := parts[0], parts[5]
		if kind == "D" || kind == "OD" || kind == "XD" {
			continue // it refuses
		}
		if !slices.Contains(mighty, who) && !slices.Contains(sids, who) {
			return fmt.Errorf("its access list lets in %s", who)
		}
	}
	return nil
}
