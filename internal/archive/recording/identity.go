package recording

import "ringfence/internal/base/id"

// known is what the place knows of an item before it is committed.
type known struct {
	recording *knownRecording // under the same key of the same source, or nil
	contents  [][]holder      // per rendition: who holds the same bytes
}

// knownRecording is the recording that an item may be.
type knownRecording struct {
	n     int64
	id    id.Recording
	bytes int64 // of its sound before sealing, all renditions
}

// holder is a recording that has, or had, certain bytes.
type holder struct {
	n      int64
	erased int64 // when it was destroyed, Unix milliseconds; 0: it is there
}

// verdict is what is to be done with an item.
type verdict struct {
	act act
	n   int64 // the recording it is, for same and replace
}

type act int

const (
	add     act = iota // a new recording
	same               // archived already
	replace            // the same recording, longer than what is archived
	shorter            // the same recording, but less than what is archived
	erased             // destroyed on purpose
)

// judge decides what an item is. bytes is its sound before sealing.
//
// The bytes decide first: a recording whose renditions are all held by one
// other is that one, destroyed or not, under whatever name it turns up. One
// rendition alone does not decide, as silent sides of equal length are equal.
// Nor do all of them where another call is told of: contents leaves those out.
func judge(k known, bytes int64) verdict {
	if h, ok := commonHolder(k.contents); ok {
		if h.erased != 0 {
			return verdict{act: erased}
		}
		return verdict{same, h.n}
	}
	switch r := k.recording; {
	case r == nil:
		return verdict{act: add}
	case bytes > r.bytes:
		return verdict{replace, r.n}
	default:
		return verdict{shorter, r.n}
	}
}

// commonHolder finds the recording that holds all of the renditions; one that
// is still there before one that was destroyed.
func commonHolder(contents [][]holder) (holder, bool) {
	if len(contents) == 0 {
		return holder{}, false
	}
	found, any := holder{}, false
	for _, h := range contents[0] {
		if !heldBy(contents[1:], h.n) || any && found.erased == 0 {
			continue
		}
		found, any = h, true
	}
	return found, any
}

func heldBy(contents [][]holder, n int64) bool {
	for _, hs := range contents {
		ok := false
		for _, h := range hs {
			ok = ok || h.n == n
		}
		if !ok {
			return false
		}
	}
	return true
}
