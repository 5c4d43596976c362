local words, state = {}, 7
for index = 1, 5000 do
  state = (state * 1103515245 + 12345) % 2147483648
  words[index] = string.format("%d:%x", index, state % 4096)
end
table.sort(words)
local sum = 0
for _, word in ipairs(words) do sum = sum + tonumber(word:match(":(%x+)"), 16) end
print(sum, #table.concat(words, ","), math.floor(math.sin(1) * 1e9), 7 // 2, 2^53)
local file = assert(io.open("written.txt", "w"))
file:write("from lua\n", string.rep("x", 5000), "\n")
file:close()
for line in io.lines("written.txt") do print(#line) end
local pipe = io.popen("echo through popen; exit 3")
print(pipe:read("a"), pipe:close())
print(os.execute("exit 4"))
print(os.rename("written.txt", "renamed.txt"), os.remove("nothing"))
print(pcall(error, {code = 2}), select("#", coroutine.resume(coroutine.create(function() coroutine.yield(1, 2) end))))
os.exit(5)
