package main

import (
	"bytes"
	"fmt"
	"math"
)

// curve is one line of the plot: a cumulative distribution.
type curve struct {
	name  string
	times []float64 // sorted, in ms
}

// The two halves of the figure: five curves with the minimum at 150 ms, and the
// rest. Both run from 10 ms to 100 s on a logarithmic axis.
const (
	plotWidth, plotHeight = 640, 260
	plotLeft, plotGap     = 56, 70
	firstHalf             = 6
)

var colours = [...]string{"#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#b07aa1"}

// plot draws the curves as SVG.
func plot(curves []curve) []byte {
	var b bytes.Buffer
	height := 2*(plotHeight+plotGap) + 10
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		plotLeft+plotWidth+150, height)
	fmt.Fprint(&b, `<title>Time without a leader after a crash, by election timeout (Figure 16)</title>`+"\n"+
		`<rect width="100%" height="100%" fill="white"/>`+"\n")
	for half, part := range [][]curve{curves[:firstHalf], curves[firstHalf:]} {
		drawHalf(&b, 20+half*(plotHeight+plotGap), part)
	}
	fmt.Fprint(&b, "</svg>\n")
	return b.Bytes()
}

func drawHalf(b *bytes.Buffer, top int, curves []curve) {
	x := func(t float64) float64 {
		return plotLeft + plotWidth*(math.Log10(min(max(t, 10), 1e5))-1)/4
	}
	y := func(share float64) float64 { return float64(top) + plotHeight*(1-share) }
	for decade := 1; decade <= 5; decade++ {
		at := x(math.Pow10(decade))
		fmt.Fprintf(b, `<path d="M%.1f %d v%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%.0f ms</text>`+"\n",
			at, top, plotHeight, at, top+plotHeight+16, math.Pow10(decade))
	}
	for share := 0.0; share <= 1; share += 0.25 {
		fmt.Fprintf(b, `<path d="M%d %.1f h%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.0f %%</text>`+"\n",
			plotLeft, y(share), plotWidth, plotLeft-6, y(share)+4, 100*share)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">time without a leader</text>`+"\n",
		plotLeft+plotWidth/2, top+plotHeight+34)
	for i, c := range curves {
		fmt.Fprintf(b, `<path fill="none" stroke-width="2" stroke="%s" d="M%.1f %.1f`, colours[i], x(c.times[0]), y(0))
		for k := 0; k <= 200; k++ {
			n := k * (len(c.times) - 1) / 200
			fmt.Fprintf(b, " L%.1f %.1f", x(c.times[n]), y(float64(n+1)/float64(len(c.times))))
		}
		fmt.Fprintf(b, `"/><text x="%d" y="%d" fill="%s">%s</text>`+"\n", plotLeft+plotWidth+10, top+20+18*i, colours[i], c.name)
	}
}
