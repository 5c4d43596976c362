local function fibonacci(n)
  if n < 2 then return n end
  return fibonacci(n - 1) + fibonacci(n - 2)
end
for n = 1, 20 do io.write(fibonacci(n), " ") end
print(_VERSION)
