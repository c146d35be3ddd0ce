package evidence_test

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"

	"ringfence/internal/platform/journal"
	"ringfence/internal/trust/proof"
)

// piece is a file within a zip.
type piece struct {
	name    string
	content []byte
}

func taken(b []byte) (all []piece) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		panic(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			panic(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			panic(err)
		}
		all = append(all, piece{f.Name, content})
	}
	return all
}

// put is the zip of some files, in the one form: written apart from package
// proof, from docs/evidence.md.
func put(all []piece) []byte {
	var b, dir bytes.Buffer
	le := func(w io.Writer, values ...any) {
		for _, v := range values {
			binary.Write(w, binary.LittleEndian, v)
		}
	}
	for _, p := range all {
		at, sum, n := uint32(b.Len()), crc32.ChecksumIEEE(p.content), uint32(len(p.content))
		le(&b, uint32(0x04034b50), uint16(20), uint16(0x808), uint16(0), uint16(0), uint16(0x21), uint32(0), uint32(0), uint32(0), uint16(len(p.name)), uint16(0))
		b.WriteString(p.name)
		b.Write(p.content)
		le(&b, uint32(0x08074b50), sum, n, n)
		le(&dir, uint32(0x02014b50), uint16(20), uint16(20), uint16(0x808), uint16(0), uint16(0), uint16(0x21), sum, n, n, uint16(len(p.name)), [12]byte{}, at)
		dir.WriteString(p.name)
	}
	at := uint32(b.Len())
	b.Write(dir.Bytes())
	le(&b, uint32(0x06054b50), uint32(0), uint16(len(all)), uint16(len(all)), uint32(dir.Len()), at, uint16(0))
	return b.Bytes()
}

// signedAnew has all sums right again, and somebody else's signature.
func signedAnew(all []piece, change func(m *proof.Manifest), key ed25519.PrivateKey) []piece {
	all = slices.Clone(all)
	var m proof.Manifest
	if err := json.Unmarshal(all[len(all)-2].content, &m); err != nil {
		panic(err)
	}
	m.Files = nil
	for _, p := range all[:len(all)-2] {
		sum := sha256.Sum256(p.content)
		m.Files = append(m.Files, proof.File{Name: p.name, Size: int64(len(p.content)), SHA256: hex.EncodeToString(sum[:])})
	}
	if change != nil {
		change(&m)
	}
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		panic(err)
	}
	all[len(all)-2].content = text
	if key != nil {
		s := journal.Signer{Public: key.Public().(ed25519.PublicKey), SignRaw: func(t []byte) ([]byte, error) { return ed25519.Sign(key, t), nil }}
		note, err := s.SignNote(proof.SignatureText(m.Origin, m.Format, m.ID, text))
		if err != nil {
			panic(err)
		}
		all[len(all)-1].content = []byte(note)
	}
	return all
}

// mutations are files that are not what was made, of every class that we could
// think of, by name.
func mutations(b, foreign []byte) map[string][]byte {
	out := map[string][]byte{}
	flips(b, out)
	cuts(b, out)
	whole, other := taken(b), taken(foreign)
	rearranged(whole, out)
	exchanged(whole, other, out)
	rewritten(whole, out)
	_, evil, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	resigned(whole, evil, out)
	out["another customer's whole file"] = foreign
	return out
}

// flips changes single bytes: all of the end, all around each file's bytes, and
// some of its content.
func flips(b []byte, out map[string][]byte) {
	at := map[int]bool{}
	for i := range 22 {
		at[len(b)-1-i] = true
	}
	z, _ := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	for _, f := range z.File {
		from, _ := f.DataOffset()
		for i := range int64(30 + len(f.Name)) {
			if i%3 == 0 {
				at[int(from-1-i)] = true
			}
		}
		for i := range int64(16) {
			at[int(from)+int(f.CompressedSize64)+int(i)] = true
		}
		for i := range int64(12) {
			if f.CompressedSize64 > 0 {
				at[int(from)+int(i*int64(f.CompressedSize64)/12)] = true
			}
		}
	}
	directory := int(binary.LittleEndian.Uint32(b[len(b)-6:]))
	for i := directory; i < len(b)-22; i += 7 {
		at[i] = true
	}
	for i := range at {
		m := bytes.Clone(b)
		m[i] ^= 1 << (i % 8)
		out[fmt.Sprintf("a bit of byte %d", i)] = m
	}
}

func cuts(b []byte, out map[string][]byte) {
	for i := range 40 {
		n := len(b) * i / 40
		out[fmt.Sprintf("cut to %d bytes", n)] = bytes.Clone(b[:n])
	}
	for _, more := range []string{"x", "\x00", strings.Repeat("\x00", 22), string(b[len(b)-22:])} {
		out[fmt.Sprintf("%d bytes longer %q", len(more), more[:1])] = append(bytes.Clone(b), more...)
		out[fmt.Sprintf("%d bytes before %q", len(more), more[:1])] = append([]byte(more), b...)
	}
	out["twice"] = append(bytes.Clone(b), b...)
}

// rearranged drops, doubles, renames, adds and reorders files.
func rearranged(whole []piece, out map[string][]byte) {
	for i, p := range whole {
		out["without "+p.name] = put(slices.Delete(slices.Clone(whole), i, i+1))
		out["twice "+p.name] = put(slices.Insert(slices.Clone(whole), i, p))
		for _, name := range []string{p.name + "x", "../" + p.name, strings.ToUpper(p.name), "x/" + p.name, ""} {
			m := slices.Clone(whole)
			m[i].name = name
			out[fmt.Sprintf("%s called %q", p.name, name)] = put(m)
		}
		out["something before "+p.name] = put(slices.Insert(slices.Clone(whole), i, piece{"note.txt", []byte("trust me")}))
		m := slices.Clone(whole)
		m[i].content = nil
		out["empty "+p.name] = put(m)
		for j := range i {
			m := slices.Clone(whole)
			m[i], m[j] = m[j], m[i]
			out[p.name+" in the place of "+whole[j].name] = put(m)
		}
	}
}

// exchanged swaps contents within the file, and with another customer's.
func exchanged(whole, other []piece, out map[string][]byte) {
	for i := range whole {
		for j := range i {
			if bytes.Equal(whole[i].content, whole[j].content) {
				continue
			}
			m := slices.Clone(whole)
			m[i].content, m[j].content = m[j].content, m[i].content
			out[whole[i].name+" with the content of "+whole[j].name] = put(m)
		}
		if i < len(other) && !bytes.Equal(whole[i].content, other[i].content) {
			m := slices.Clone(whole)
			m[i].content = other[i].content
			out[whole[i].name+" of another customer"] = put(m)
		}
	}
}

// edits are changes of lists and texts that leave them well-formed.
func edits(p piece) map[string][]byte {
	out := map[string][]byte{}
	lines := strings.SplitAfter(string(p.content), "\n")
	if !strings.HasSuffix(p.name, ".jsonl") || len(lines) < 2 {
		return map[string][]byte{"with a space more": append(bytes.Clone(p.content), ' ')}
	}
	lines = lines[:len(lines)-1]
	for i := range lines {
		out[fmt.Sprintf("without line %d", i)] = []byte(strings.Join(slices.Delete(slices.Clone(lines), i, i+1), ""))
		out[fmt.Sprintf("with line %d twice", i)] = []byte(strings.Join(slices.Insert(slices.Clone(lines), i, lines[i]), ""))
		if i > 0 {
			m := slices.Clone(lines)
			m[i], m[i-1] = m[i-1], m[i]
			out[fmt.Sprintf("with lines %d and %d swapped", i-1, i)] = []byte(strings.Join(m, ""))
		}
	}
	for old, now := range map[string]string{"opening.granted": "recording.destroyed", `"position":`: `"position":1`, "per_": "tok_", `"at_ms":1`: `"at_ms":2`, "court": "fun"} {
		if m := strings.ReplaceAll(string(p.content), old, now); m != string(p.content) {
			out["with "+now+" for "+old] = []byte(m)
		}
	}
	return out
}

// rewritten changes lists, once leaving the manifest, once with its sums put right.
func rewritten(whole []piece, out map[string][]byte) {
	for i, p := range whole[:len(whole)-2] {
		for what, content := range edits(p) {
			m := slices.Clone(whole)
			m[i].content = content
			out[p.name+" "+what] = put(m)
			out[p.name+" "+what+", sums put right"] = put(signedAnew(m, nil, nil))
		}
	}
}

// resigned has everything right but the key.
func resigned(whole []piece, evil ed25519.PrivateKey, out map[string][]byte) {
	public := evil.Public().(ed25519.PublicKey)
	vkey, err := journal.VerifierKey(public)
	if err != nil {
		panic(err)
	}
	out["signed by another key"] = put(signedAnew(whole, nil, evil))
	out["signed by another key, which it names"] = put(signedAnew(whole, func(m *proof.Manifest) { m.Key = vkey }, evil))
	out["signed by another key, under its name"] = put(signedAnew(whole, func(m *proof.Manifest) {
		m.Key, m.Origin = vkey, journal.KeyName(public)+"/"+m.Customer
	}, evil))
	for what, change := range map[string]func(m *proof.Manifest){
		"another purpose": func(m *proof.Manifest) { m.Purpose = "fun" }, "another customer": func(m *proof.Manifest) { m.Customer = "org_06b3k0000000000000000000000" },
		"another size": func(m *proof.Manifest) { m.Size-- }, "another form": func(m *proof.Manifest) { m.Format = proof.LogFormat },
		"a recording less": func(m *proof.Manifest) { m.Recordings = m.Recordings[1:] }, "no recordings": func(m *proof.Manifest) { m.Recordings = nil },
		"another receipt": func(m *proof.Manifest) {
			m.Recordings = slices.Clone(m.Recordings)
			m.Recordings[0].Receipt = m.Recordings[1].Receipt
		},
	} {
		out[what+", the old signature"] = put(signedAnew(whole, change, nil))
		out[what+", signed by another key"] = put(signedAnew(whole, change, evil))
	}
	last := len(whole) - 1
	for what, content := range map[string]string{
		"a second signature": string(whole[last].content) + "— somebody " + strings.Repeat("A", 92) + "\n", "no line break at its end": strings.TrimSuffix(string(whole[last].content), "\n"),
		"no signature": strings.SplitAfter(string(whole[last].content), "\n\n")[0], "the checkpoint as its signature": "",
	} {
		m := slices.Clone(whole)
		if m[last].content = []byte(content); content == "" {
			m[last].content = whole[last-2].content
		}
		out[what] = put(m)
	}
}
