package blob

import "bytes"

// Explain is what a bucket in a folder says about a failure.
func Explain(b Bucket, err error) error { return b.(*folder).explain(err) }

// Pack is a pack file with these objects, empty ones; ReadPack reads one.
func Pack(names ...string) []byte {
	var all []packed
	for _, n := range names {
		all = append(all, packed{name: n})
	}
	return directory(all)
}

// ReadPack gives the names in a pack file and how many bytes they claim.
func ReadPack(file []byte) (names []string, claimed int64, err error) {
	entries, err := readDirectory(bytes.NewReader(file), int64(len(file)))
	for _, e := range entries {
		names, claimed = append(names, e.name), max(claimed, e.offset+e.size)
	}
	return names, claimed, err
}
