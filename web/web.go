// Package web carries the built portal inside the binary. It holds files and
// nothing else; edge/webui serves them.
//
// A fresh clone has only dist/.gitkeep, so that the server builds without Node;
// Vite puts that file back from public/ when it empties the folder.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files is the built portal: index.html and assets/. It has no index.html in a
// binary that was built before the portal.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the path is a constant that go:embed has checked
	}
	return files
}
